"""The record of who did what: lines in a file, each bound to the one before.

| module | what it knows |
|---|---|
| `texts` | how a text from outside is made harmless, and a long one short |
| `line` | how an event is written as one line, and read again |
| `chain` | how a line is bound to the one before it |
| `files` | which files there are, and what they are called |
| `tail` | how the last file ends, and what a crash has left there |
| `head` | where the chain ended, as noted beside the files |
| `reconciling` | where the chain goes on after a start |
| `current` | the file that is written |
| `writer` | how lines get into it; blocks |
| `log`, `waiting`, `alarms` | what waits to be written; never blocks |
| `condition` | how it stands with all of that |
| `repeated` | many events that are alike as one line |
| `alerts` | when too many of a kind come |
| `search` | what was recorded |
| `verifying` | whether all of it is still there, and unchanged |
| `place`, `several` | what the others are given |
| `opening` | how all of this is made of settings |
"""
