"""The gate: what a file must prove before it is released.  One question, one `Check`.

checks       which questions are put to a file
contents     is every weight a number, stored as it should be, small enough, and laid out to be mixed?
same         does it paint, frame after frame, what the Keras network paints, as steadily, on other runtimes too?
operations   will XNNPACK, the GPU and the WebGPU delegates take all of it?
speed        is it as fast as the fp32 file?
"""
