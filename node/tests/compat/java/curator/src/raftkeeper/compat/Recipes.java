package raftkeeper.compat;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.curator.framework.CuratorFramework;

/**
 * Runs every check against the server named on the command line; one line each, and exit code 0 only
 * when all of them hold.
 */
public final class Recipes {
    private static final Map<String, Check> CHECKS = new LinkedHashMap<>();

    static {
        CHECKS.put("mutex-excludes", Locks::mutexExcludes);
        CHECKS.put("held-mutex-is-refused-and-reentrant", Locks::heldMutexIsRefusedAndReentrant);
        CHECKS.put("closing-a-session-frees-its-lock", Locks::closingASessionFreesItsLock);
        CHECKS.put("readers-share-and-writers-do-not", Locks::readersShareAndWritersDoNot);
        CHECKS.put("semaphore-gives-as-many-leases-as-it-has", Locks::semaphoreGivesAsManyLeasesAsItHas);
        CHECKS.put("one-leads-and-the-next-follows", Leaders::oneLeadsAndTheNextFollows);
        CHECKS.put(
                "ephemeral-sequential-keeps-order-and-goes-with-its-session",
                Znodes::ephemeralSequentialKeepsOrderAndGoesWithItsSession);
        CHECKS.put("persistent-node-comes-back-when-deleted", Znodes::persistentNodeComesBackWhenDeleted);
        CHECKS.put("transaction-takes-effect-whole", Znodes::transactionTakesEffectWhole);
        CHECKS.put("failed-transaction-leaves-nothing", Znodes::failedTransactionLeavesNothing);
        CHECKS.put("guaranteed-delete-and-parents", Znodes::guaranteedDeleteAndParents);
        CHECKS.put("atomic-long-counts-every-increment", Znodes::atomicLongCountsEveryIncrement);
        CHECKS.put("curator-cache-follows-a-branch", Caches::curatorCacheFollowsABranch);
        CHECKS.put("node-cache-follows-one-znode", Caches::nodeCacheFollowsOneZnode);
        CHECKS.put("path-children-cache-follows-children", Caches::pathChildrenCacheFollowsChildren);
        CHECKS.put("tree-cache-follows-all-levels", Caches::treeCacheFollowsAllLevels);
        CHECKS.put("everything-outlives-a-restart", Restart::everythingOutlivesARestart);
    }

    private Recipes() {}

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        int failed = 0;
        for (Map.Entry<String, Check> check : CHECKS.entrySet()) {
            failed += run(address, check.getKey(), check.getValue()) ? 0 : 1;
        }
        System.out.printf("%d passed, %d failed%n", CHECKS.size() - failed, failed);
        System.exit(failed == 0 ? 0 : 1);
    }

    /** Each check has two sessions and a branch of its own. */
    private static boolean run(String address, String name, Check check) throws Exception {
        try (CuratorFramework first = Clients.open(address);
                CuratorFramework second = Clients.open(address)) {
            String root = "/curator/" + name;
            first.create().creatingParentsIfNeeded().forPath(root);
            check.run(first, second, root);
            System.out.println("ok " + name);
            return true;
        } catch (Exception | AssertionError failure) {
            System.out.println("FAILED " + name + ": " + failure);
            return false;
        }
    }
}
