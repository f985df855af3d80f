"""The trust policy (C2SP tlog-policy) that the keys in this data folder make: for development, and as a draft.

Rules: an auditor's policy is written by the auditor, with keys from their owners; this one tells only what this
machine knows, and says so in its first line.
"""

from __future__ import annotations

from infra.audit import keys
from infra.settings import Settings


def policy_text(settings: Settings) -> str:
    receipts = keys.public_keys(keys.audit_folder(settings.data) / "receipts.vkeys")
    witnesses = keys.public_keys(keys.witness_key_file(settings))
    lines = ["# Made from the key files of one machine; compare the keys with their owners before trusting them."]
    lines += [f"log {key.text()}" for key in (*keys.public_keys(keys.log_key_file(settings)), *receipts)]
    names = [f"{key.name}-{key.kind.name.lower()}" for key in witnesses]
    lines += [f"witness {name} {key.text()}" for name, key in zip(names, witnesses, strict=True)]
    if names:
        lines.append(f"group witnesses all {' '.join(names)}")
    lines.append(f"quorum {'witnesses' if names else 'none'}")
    return "".join(f"{line}\n" for line in lines)
