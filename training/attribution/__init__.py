"""Which channels a trained network decides by: attribution methods, over whole test scenes, per class and bin.

checkpoint + lake -> patches of all scenes (`run`, `windows`) -> what the network says of them, held fixed (`assigned`)
-> one method (`methods`, `deeplift`) -> sums (`sums`) -> `AttributionResult` (`result`) -> files (`files`).

Only this package imports captum.
"""
