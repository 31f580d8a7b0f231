"""A classifier that Hugging Face's transformers runs, such as Prompt Guard 2, from a folder.

    model: {transformers: {path: llama-prompt-guard-2-86m, device: cuda}}

Only files of the folder are read, weights only as safetensors, and code that a model brings with
it never runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards._models import sequences
from policyengine.guards._models.backend import Backend, Labels, batches, checked, kept, lacking
from policyengine.guards._models.permitted import folder
from policyengine.guards._models.sequences import Head, highest

COST: Final = 100_000
SCHEMA: Final = sequences.schema(
    "A classifier that transformers runs, such as Prompt Guard 2.",
    device={
        "type": "string",
        "pattern": "^(cpu|mps|cuda(:[0-9]{1,2})?)$",
        "description": "Where the model runs; cpu where not said.",
    },
)
DEFAULTS: Final[Mapping[str, Any]] = {**sequences.DEFAULTS, "device": "cpu"}
names = sequences.names
_SAFE: Final = {"local_files_only": True, "trust_remote_code": False}


def build(options: Mapping[str, Any]) -> Backend:
    """The backend; nothing is read yet."""
    return _Transformers(
        options["path"], options.get("sha256"), options["tokens"], options["device"]
    )


@dataclass(frozen=True, slots=True)
class _Transformers:
    path: str
    sha256: str | None
    tokens: int
    device: str
    window: int = sequences.WINDOW
    complete: bool = True

    def labels(self, texts: Sequence[str], until: float) -> Sequence[Labels]:
        place = folder(self.path)
        head = kept(
            ("transformers", "head", place, self.tokens), lambda: Head.of(place, self.tokens)
        )
        torch, tokenizer, model = kept(
            ("transformers", place, self.sha256, self.device),
            lambda: _loaded(place, self.sha256, self.device),
        )
        parts = tokenizer(
            list(texts),
            truncation=True,
            max_length=head.tokens,
            stride=min(sequences.STRIDE, head.tokens // 4),
            return_overflowing_tokens=True,
            padding=True,
            return_tensors="pt",
        )
        owners = [int(i) for i in parts.pop("overflow_to_sample_mapping").tolist()]
        rows: list[Labels] = []
        for batch in batches(len(owners), sequences.BATCH, until):
            fed = {name: tensor[batch].to(self.device) for name, tensor in parts.items()}
            try:
                with torch.inference_mode():
                    found = model(**fed).logits.float().tolist()
            # A device may fail in ways of its own; its words may quote the input.
            except Exception as error:
                why = f"the model failed ({type(error).__name__})"
                raise FactError("model-failed", why) from None
            rows += map(head.scores, found)
        return highest(rows, owners, len(texts))


def _loaded(place: Path, sha256: str | None, device: str) -> tuple[Any, Any, Any]:
    try:
        torch: Any = import_module("torch")
        transformers: Any = import_module("transformers")
    except ImportError as error:
        raise lacking(str(error.name), "`transformers` needs transformers and torch") from None
    checked(place, "model.safetensors", sha256)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(place), **_SAFE)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            str(place), use_safetensors=True, **_SAFE
        )
        model.to(device).eval()
    # The formats have no common base class for what may be wrong in them.
    except Exception as error:
        why = f"the model can't be loaded ({type(error).__name__})"
        raise FactError("model-damaged", why) from None
    return torch, tokenizer, model
