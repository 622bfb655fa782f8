"""The lake and how to read it. Ground floor of the project: imports none of the other packages.

`datasets.lake` opens a lake; `stores` holds a scene, `patches` says which windows are trained on, `loading` brings them
to the device.
"""
