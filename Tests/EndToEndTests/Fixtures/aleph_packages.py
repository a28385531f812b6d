#!/usr/bin/env python3
"""What Aleph's own packages make of what rtverify writes, and make for it: aleph_packages.py COMMAND CHAIN [FOLDER].

  address CHAIN           the address of a key made for the test
  sign CHAIN              signs standard input with it, as their accounts sign a text
  check CHAIN FOLDER      a prepared message: its content is what their client would have hashed, its address theirs; signed by their
                          account it is what their parser and their verification take. Prints the signature as their client spells it
The key is 32 bytes of a digest; nobody's.
"""
import asyncio, hashlib, json, sys

import base58
from aleph.sdk.chains.ethereum import ETHAccount, verify_signature as verify_eth
from aleph.sdk.chains.solana import SOLAccount, verify_signature as verify_sol
from aleph.sdk.client.authenticated_http import AuthenticatedAlephHttpClient
from aleph_message import parse_message
from aleph_message.models import StoreContent

command, chain = sys.argv[1:3]
account = (SOLAccount if chain == "SOL" else ETHAccount)(hashlib.sha256(b"a key for rtverify's tests").digest())


def spelled(signature):
    return base58.b58encode(signature).decode() if chain == "SOL" else "0x" + signature.hex()


if command == "address":
    print(account.get_address())
elif command == "sign":
    print(spelled(asyncio.run(account.sign_raw(sys.stdin.buffer.read()))))
else:
    folder = sys.argv[3]
    content = open(f"{folder}/content.json").read()
    message = json.load(open(f"{folder}/message.json"))
    assert message["item_content"] == content
    assert hashlib.sha256(content.encode()).hexdigest() == message["item_hash"]
    # Their client serializes its model's dump: the same bytes, or the two would publish under different item hashes.
    parsed = StoreContent.model_validate(json.loads(content))
    assert json.dumps(parsed.model_dump(exclude_none=True, mode="json"), separators=(",", ":")) == content, content

    async def theirs():
        client = AuthenticatedAlephHttpClient.__new__(AuthenticatedAlephHttpClient)
        client.account = account
        return await client.generate_signed_message(
            message_type=message["type"], content=parsed.model_dump(exclude_none=True), channel=message["channel"])

    made = asyncio.run(theirs())
    assert made.item_content == content and made.item_hash == message["item_hash"], made
    assert made.sender == message["sender"] == parsed.address == account.get_address()
    signed = asyncio.run(account.sign_message({key: message[key] for key in ["chain", "sender", "type", "item_hash"]}))
    text = open(f"{folder}/to-sign.txt", "rb").read()
    if chain == "SOL":
        verify_sol(json.loads(signed["signature"])["signature"], account.get_address(), text)
    else:
        verify_eth(signed["signature"], account.get_address(), text)
    # A node's parser, on the message as it is sent.
    store = parse_message(dict(message, signature=signed["signature"], content=json.loads(content)))
    assert store.type == "STORE" and store.content.payment.type == "credit"
    print(signed["signature"])
