The gateway forwards OpenAI requests, plain and streamed, JSON and forms, to weighted backends, and drains on SIGTERM.
