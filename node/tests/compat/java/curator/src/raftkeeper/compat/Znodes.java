package raftkeeper.compat;

import java.util.ArrayList;
import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.api.transaction.OperationType;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.data.Stat;

/** Creating, changing and removing znodes in the ways that Curator offers. */
final class Znodes {
    private static final byte[] DATA = {1, 2, 3};

    private Znodes() {}

    static void ephemeralSequentialKeepsOrderAndGoesWithItsSession(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        CuratorFramework third = Clients.open(first.getZookeeperClient().getCurrentConnectionString());
        List<String> made = new ArrayList<>();
        for (int number = 0; number < 5; number++) {
            made.add(
                    third.create()
                            .creatingParentContainersIfNeeded()
                            .withProtection()
                            .withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                            .forPath(root + "/members/m-", DATA));
        }
        for (int number = 0; number < 5; number++) {
            String end = String.format("m-%010d", number);
            Expect.that(made.get(number).endsWith(end), made.get(number) + " ends with " + end);
        }
        Stat stat = second.checkExists().forPath(made.get(0));
        long session = third.getZookeeperClient().getZooKeeper().getSessionId();
        Expect.equal(session, stat.getEphemeralOwner(), "the owner");
        Expect.equal(5, second.getChildren().forPath(root + "/members").size(), "members");
        third.close();
        Expect.becomes(
                () -> second.checkExists().forPath(made.get(4)) == null,
                "ephemerals go with their session");
    }

    static void persistentNodeComesBackWhenDeleted(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        String path = root + "/mine";
        try (PersistentNode node =
                new PersistentNode(first, CreateMode.EPHEMERAL, false, path, DATA)) {
            node.start();
            Expect.becomes(() -> second.checkExists().forPath(path) != null, "it is created");
            long before = second.checkExists().forPath(path).getCzxid();
            second.delete().forPath(path);
            Expect.becomes(
                    () -> {
                        Stat stat = second.checkExists().forPath(path);
                        return stat != null && stat.getCzxid() > before;
                    },
                    "it is created again");
            node.setData(new byte[] {9});
            Expect.becomes(() -> second.getData().forPath(path)[0] == 9, "its data follow");
        }
        Expect.becomes(() -> second.checkExists().forPath(path) == null, "closing removes it");
    }

    static void transactionTakesEffectWhole(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        CuratorOp make = first.transactionOp().create().forPath(root + "/a", DATA);
        CuratorOp numbered =
                first.transactionOp()
                        .create()
                        .withMode(CreateMode.PERSISTENT_SEQUENTIAL)
                        .forPath(root + "/s-", DATA);
        CuratorOp change = first.transactionOp().setData().forPath(root + "/a", new byte[] {4});
        CuratorOp check = first.transactionOp().check().withVersion(1).forPath(root + "/a");
        List<CuratorTransactionResult> results =
                first.transaction().forOperations(make, numbered, change, check);
        Expect.equal(4, results.size(), "results");
        Expect.equal(OperationType.CREATE, results.get(0).getType(), "the first result");
        Expect.equal(root + "/s-0000000001", results.get(1).getResultPath(), "the numbered znode");
        Expect.equal(1, results.get(2).getResultStat().getVersion(), "the version after the change");
        Expect.equal((byte) 4, second.getData().forPath(root + "/a")[0], "the data after all");
        CuratorOp remove = first.transactionOp().delete().forPath(root + "/a");
        first.transaction().forOperations(remove);
        Expect.that(second.checkExists().forPath(root + "/a") == null, "the delete took effect");
    }

    static void failedTransactionLeavesNothing(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        CuratorOp make = first.transactionOp().create().forPath(root + "/b", DATA);
        CuratorOp wrong = first.transactionOp().setData().withVersion(7).forPath(root + "/b", DATA);
        CuratorOp late = first.transactionOp().create().forPath(root + "/c", DATA);
        KeeperException.BadVersionException error =
                Expect.thrown(
                        KeeperException.BadVersionException.class,
                        () -> first.transaction().forOperations(make, wrong, late));
        Expect.equal(3, error.getResults().size(), "results of the failed transaction");
        Expect.that(second.checkExists().forPath(root + "/b") == null, "nothing was created");
        Expect.that(second.checkExists().forPath(root + "/c") == null, "nothing behind it either");
    }

    static void guaranteedDeleteAndParents(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        first.create().creatingParentsIfNeeded().forPath(root + "/x/y/z", DATA);
        Expect.thrown(
                KeeperException.NotEmptyException.class, () -> first.delete().forPath(root + "/x"));
        first.delete().guaranteed().deletingChildrenIfNeeded().forPath(root + "/x");
        Expect.that(second.checkExists().forPath(root + "/x") == null, "the whole branch is gone");
        Stat stat = new Stat();
        first.create().orSetData().storingStatIn(stat).forPath(root + "/v", DATA);
        first.create().orSetData().forPath(root + "/v", DATA);
        Expect.equal(1, first.checkExists().forPath(root + "/v").getVersion(), "created or set");
    }

    static void atomicLongCountsEveryIncrement(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        DistributedAtomicLong mine =
                new DistributedAtomicLong(first, root + "/count", new RetryOneTime(10));
        DistributedAtomicLong theirs =
                new DistributedAtomicLong(second, root + "/count", new RetryOneTime(10));
        for (int number = 0; number < 10; number++) {
            Expect.that(mine.increment().succeeded(), "an increment alone succeeds");
            Expect.that(theirs.add(2L).succeeded(), "and so does the other's");
        }
        AtomicValue<Long> value = mine.get();
        Expect.equal(30L, value.postValue(), "the sum");
    }
}
