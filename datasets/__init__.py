"""The lake and how to read it. The lowest layer of the project: it imports none of the other packages.

`datasets.lake` opens a lake; `stores` holds a scene, `patches` says which windows are trained on, `loading` brings them
to the device.
"""
