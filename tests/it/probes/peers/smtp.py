# A mail server for tests: aiosmtpd, with TLS and a login. PORT CERTIFICATE KEY FILE tls|starttls MECHANISM
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

port, certificate, key, file, tls, mechanism = sys.argv[1:]
deferred = set()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never@"):
            return "550 5.1.1 no such user"
        if address.startswith("later@") and address not in deferred:
            deferred.add(address)
            return "450 4.2.0 not now"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_subtype(): part for part in mail.walk() if not part.is_multipart()}
        seen = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": tls == "tls" or session.ssl is not None,
            "subject": str(mail["subject"]),
            "message_id": str(mail["message-id"]),
            "references": str(mail["references"]),
            "correlation_id": str(mail["x-correlation-id"]),
            "defects": sum(len(part.defects) for part in mail.walk()),
            "text": parts["plain"].get_content(),
            "html": parts["html"].get_content(),
        }
        with open(file, "a") as out:
            out.write(json.dumps(seen) + "\n")
        return "250 2.0.0 queued as 7"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"probity", b"s3cret")
    # "Handled" would mean that the refusal has been sent already.
    return AuthResult(success=good, handled=good)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


def serve():
    others = [other for other in ("PLAIN", "LOGIN") if other != mechanism]
    common = dict(
        hostname="localhost",
        authenticator=authenticate,
        auth_required=True,
        auth_exclude_mechanism=others,
    )
    if tls == "tls":
        return SMTP(Handler(), auth_require_tls=False, **common)
    return SMTP(Handler(), tls_context=context, require_starttls=True, **common)


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
listen = loop.create_server(serve, "127.0.0.1", int(port), ssl=context if tls == "tls" else None)
loop.run_until_complete(listen)
loop.run_forever()
