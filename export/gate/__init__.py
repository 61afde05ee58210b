"""The gate: what a file must prove before it is released.  One module a question, one `Check` an answer.

numbers      is every weight a number, and does a picture come out?
parity       does it compute what the Keras network computes, frame after frame?
quality      does it flicker, paint and keep the scene as the Keras network does?
operations   will XNNPACK, the GPU and WebGPU delegates take all of it?
cost         is it as small and as fast as it should be?
agreement    do other runtimes give the same pixels?
"""
