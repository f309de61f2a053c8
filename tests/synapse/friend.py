"""Asks a question in an encrypted room and prints the answer, with a client that shares no code with the bot's SDK.

Usage: friend.py HOMESERVER NAME PASSWORD ROOM QUESTION BOT
"""

import asyncio
import sys
import tempfile

from nio import AsyncClient, AsyncClientConfig, RoomMessage


async def main(homeserver, name, password, room, question, bot):
    with tempfile.TemporaryDirectory() as store:
        config = AsyncClientConfig(store_sync_tokens=True, encryption_enabled=True)
        client = AsyncClient(homeserver, name, store_path=store, config=config)
        await client.login(password)
        answers = asyncio.Queue()

        async def heard(_, event):
            if event.sender == bot:
                await answers.put(event)

        await client.sync(timeout=0, full_state=True)
        if client.should_upload_keys:
            await client.keys_upload()
        if client.should_query_keys:
            await client.keys_query()
        # Retry: the bot may not have uploaded its one-time keys yet.
        for _ in range(60):
            missing = client.get_missing_sessions(room)
            if not missing:
                break
            await client.keys_claim(missing)
            await client.sync(timeout=500)
        client.add_event_callback(heard, RoomMessage)
        syncing = asyncio.create_task(client.sync_forever(timeout=30000))
        content = {"msgtype": "m.text", "body": question}
        await client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        answer = await asyncio.wait_for(answers.get(), 60)
        print(answer.body)
        assert answer.decrypted, "the answer is encrypted"
        syncing.cancel()
        await client.close()


asyncio.run(main(*sys.argv[1:]))
