"""A crime that the judge must find: two of three nodes lose what they had acknowledged.

No server can survive it, and a run with it that ends well would mean that the judge is blind. It is no
part of the deck.
"""

from __future__ import annotations

import shutil

from .faults import Fault, Stage


async def forget(stage: Stage) -> None:
    """A majority comes back with the disks of a while ago, and writes before the third is there.

    Clients begin anew, because a client that has seen more than the nodes know would refuse them.
    """
    ensemble = stage.ensemble
    slots = sorted(ensemble.placed)
    forgetful = slots[:2]
    for slot in forgetful:
        node = ensemble.nodes[slot]
        await node.terminate()
        shutil.copytree(node.data, node.data.with_name("before"))
        node.start()
        await ensemble.well()
    for slot in slots:
        ensemble.nodes[slot].kill()
    for slot in forgetful:
        data = ensemble.nodes[slot].data
        shutil.rmtree(data)
        data.with_name("before").rename(data)
    stage.renew_clients()
    ensemble.placed = ensemble.serving = set(forgetful)
    for slot in forgetful:
        ensemble.nodes[slot].start()
    await ensemble.progress()
    # The third would notice. Founders have the numbers of their slots.
    await ensemble.admin("remove", str(slots[2]))


SABOTAGE = (Fault("majority forgets", forget, majority=False),)
