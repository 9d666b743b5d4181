"""The provider `local`: three nodes in three zones on this machine, without any registry.

Each node is a containerd and a kubelet of its own, in its own control group, with its own pod network;
one control plane serves all. It must not touch what it did not make: everything it starts, mounts or adds
to the machine is written down or named by it, and `down` takes it away again.
"""
