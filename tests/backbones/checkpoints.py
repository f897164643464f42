"""Small checkpoints with random weights, written as transformers and torchvision write theirs."""

import json

import torch

WORDS = (
    ["the", "a", "cat", "sat", "on", "mat", "dog", "ran", "over", "hill", "my", "card", "is", "lost", "please", "help", "me", "now", "again", "un", "##believ", "##ably", ",", ".", "?"]
)
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
NARROW = {"conv_dim": (16, 16), "conv_kernel": (10, 3), "conv_stride": (5, 2), "num_conv_pos_embeddings": 8,
          "num_conv_pos_embedding_groups": 4}  # fmt: skip


def write_tokenizer(folder, kind: str) -> int:
    """A small tokenizer of the family's kind; the size of its vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertTokenizerFast, PreTrainedTokenizerFast

    if kind in ("bert", "distilbert"):
        vocabulary = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
        (folder / "vocab.txt").write_text("\n".join(vocabulary))
        BertTokenizerFast(vocab=vocabulary, do_lower_case=True).save_pretrained(folder)
        return len(vocabulary)
    special = ["<|end|>"] if kind == "gpt2" else ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = {piece: index for index, piece in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocab=pieces, merges=[], unk_token=special[-1]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    if kind == "gpt2":
        names = {"eos_token": "<|end|>", "bos_token": "<|end|>"}
    else:
        names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return len(pieces)


def write(folder, kind: str, seed: int = 0, **changes):
    """A checkpoint of that family in `folder`; the model that was saved, in eval mode."""
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    if kind in ("wav2vec2", "wav2vec2-stable"):
        stable = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"} if kind == "wav2vec2-stable" else {}
        model = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**TINY, **NARROW, **stable, **changes))
        facts = {"sampling_rate": 16000, "do_normalize": True, "return_attention_mask": bool(stable)}
        (folder / "preprocessor_config.json").write_text(json.dumps(facts))
    elif kind == "vit":
        model = transformers.ViTModel(transformers.ViTConfig(**TINY, image_size=32, patch_size=8, **changes))
        transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    else:
        size = write_tokenizer(folder, kind)
        model = _text_model(kind, size, changes)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.eval().save_pretrained(folder)
    return model


def _text_model(kind: str, size: int, changes: dict):
    import transformers

    length = {"max_position_embeddings": 40}
    if kind == "bert":
        return transformers.BertModel(transformers.BertConfig(**TINY, **length, vocab_size=size, **changes))
    if kind == "distilbert":
        own = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}
        return transformers.DistilBertModel(transformers.DistilBertConfig(**own, **length, vocab_size=size, **changes))
    if kind == "gpt2":
        own = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 40, "bos_token_id": 0, "eos_token_id": 0}
        return transformers.GPT2Model(transformers.GPT2Config(**own, vocab_size=size, **changes))
    config, model = {
        "roberta": (transformers.RobertaConfig, transformers.RobertaModel),
        "xlm-roberta": (transformers.XLMRobertaConfig, transformers.XLMRobertaModel),
        "camembert": (transformers.CamembertConfig, transformers.CamembertModel),
    }[kind]
    return model(config(**TINY, **length, vocab_size=size, pad_token_id=1, bos_token_id=0, eos_token_id=2, **changes))
