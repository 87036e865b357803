"""A webhook and a mail server: prints their ports, then what each receives, one JSON object a line.

The first request of each is refused, so that a second attempt is seen.
"""

import asyncio
import json


def show(**members):
    print(json.dumps(members), flush=True)


async def webhook(reader, writer, seen=[]):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
    body = (await reader.readexactly(length)).decode()
    seen.append(body)
    status = "503 Busy" if len(seen) == 1 else "200 OK"
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    writer.close()
    show(kind="webhook", status=status[:3], type="application/json" in head, body=body)


async def mail(reader, writer, seen=[]):
    recipients = []

    async def say(line):
        writer.write(line.encode() + b"\r\n")
        await writer.drain()

    await say("220 test")
    while line := (await reader.readline()).decode().strip():
        verb = line.split()[0].upper()
        if verb == "DATA":
            await say("354 go on")
            message = (await reader.readuntil(b"\r\n.\r\n")).decode()
            seen.append(message)
            await say("451 later" if len(seen) == 1 else "250 taken")
            show(kind="mail", refused=len(seen) == 1, recipients=recipients, message=message)
        elif verb == "QUIT":
            await say("221 bye")
            break
        else:
            if verb == "RCPT":
                recipients.append(line.split("<")[1].split(">")[0])
            await say("250 ok")
    writer.close()


async def main():
    servers = [await asyncio.start_server(one, "127.0.0.1", 0) for one in (webhook, mail)]
    show(ports=[server.sockets[0].getsockname()[1] for server in servers])
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
