"""Names of public models that benchmarks choose from the census."""

SEVERAL = (
    *("resnet18", "mobilenet_v3_small", "densenet121", "convnext_atto", "swin_t", "vit_tiny_patch16_224"),
    *("bert", "gpt2", "wav2vec2", "lstm_bidirectional"),
)
"""Ten of several kinds."""
