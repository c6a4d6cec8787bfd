"""Cases of request smuggling and response splitting, as data.

Most are told by the people who found them: PortSwigger's http-request-smuggler (its permutations), the HTTP
Garden's list of trophies, w4ke's funky chunks, Http11Probe, and the advisories of llhttp, h11, aiohttp,
gunicorn, waitress, Twisted, HAProxy, Envoy and Go.

`pieces.Case` says what each must lead to.
"""
