"""Values between the two graphs of Kokoro-82M."""

# Outputs of Kokoro's first graph and inputs of the second.
FRAMES = "/decoder/decoder/decode.3/Div_4_output_0"  # (1, 512, halves): two per 25 ms frame
SOURCE = "/decoder/decoder/generator/Concat_3_output_0"  # (1, 22, 60 * halves + 1)
STYLE = "/decoder/Slice_output_0"
# (1,) each: the share of the whole that is audible, and of the silence left out around it.
SHARES = ("sound_kept", "silence_before", "silence_behind")
BETWEEN = (FRAMES, SOURCE, STYLE, *SHARES)
MOMENTS_PER_HALF = 60  # of the source
SAMPLES_PER_HALF = 300
MEANS = 16_896  # used by the norms of the second graph
