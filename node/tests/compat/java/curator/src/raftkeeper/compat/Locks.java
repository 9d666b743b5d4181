package raftkeeper.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;

/** Mutual exclusion, made of ephemeral sequential znodes and watches. */
final class Locks {
    private static final int THREADS = 6;
    private static final int ROUNDS = 20;

    /** Guarded by the lock under test and by nothing else. */
    private int unguarded;

    private Locks() {}

    static void mutexExcludes(CuratorFramework first, CuratorFramework second, String root)
            throws Exception {
        Locks shared = new Locks();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Void>> done = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                CuratorFramework client = thread % 2 == 0 ? first : second;
                done.add(threads.submit(shared.incrementUnder(client, root + "/lock")));
            }
            for (Future<Void> one : done) {
                one.get(Expect.DEADLINE_S * 3, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        Expect.equal(THREADS * ROUNDS, shared.unguarded, "increments under the lock");
    }

    private Callable<Void> incrementUnder(CuratorFramework client, String path) {
        return () -> {
            InterProcessMutex mutex = new InterProcessMutex(client, path);
            for (int round = 0; round < ROUNDS; round++) {
                mutex.acquire();
                try {
                    int seen = unguarded;
                    Thread.yield();
                    unguarded = seen + 1;
                } finally {
                    mutex.release();
                }
            }
            return null;
        };
    }

    static void heldMutexIsRefusedAndReentrant(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        InterProcessMutex mine = new InterProcessMutex(first, root + "/lock");
        InterProcessMutex theirs = new InterProcessMutex(second, root + "/lock");
        mine.acquire();
        mine.acquire();
        Expect.that(!theirs.acquire(200, TimeUnit.MILLISECONDS), "a held lock is not given");
        mine.release();
        Expect.that(!theirs.acquire(200, TimeUnit.MILLISECONDS), "half a release frees nothing");
        mine.release();
        Expect.that(theirs.acquire(Expect.DEADLINE_S, TimeUnit.SECONDS), "a freed lock is given");
        theirs.release();
    }

    static void closingASessionFreesItsLock(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        CuratorFramework third = Clients.open(first.getZookeeperClient().getCurrentConnectionString());
        InterProcessMutex mine = new InterProcessMutex(second, root + "/lock");
        try {
            new InterProcessMutex(third, root + "/lock").acquire();
            Expect.that(!mine.acquire(200, TimeUnit.MILLISECONDS), "the lock is held");
        } finally {
            third.close();
        }
        Expect.that(mine.acquire(Expect.DEADLINE_S, TimeUnit.SECONDS), "the lock went with its session");
        mine.release();
    }

    static void readersShareAndWritersDoNot(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        InterProcessReadWriteLock mine = new InterProcessReadWriteLock(first, root + "/rw");
        InterProcessReadWriteLock theirs = new InterProcessReadWriteLock(second, root + "/rw");
        mine.readLock().acquire();
        Expect.that(theirs.readLock().acquire(Expect.DEADLINE_S, TimeUnit.SECONDS), "two readers");
        theirs.readLock().release();
        Expect.that(!theirs.writeLock().acquire(200, TimeUnit.MILLISECONDS), "no writer beside a reader");
        mine.readLock().release();
        Expect.that(theirs.writeLock().acquire(Expect.DEADLINE_S, TimeUnit.SECONDS), "then a writer");
        theirs.writeLock().release();
    }

    static void semaphoreGivesAsManyLeasesAsItHas(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        InterProcessSemaphoreV2 mine = new InterProcessSemaphoreV2(first, root + "/semaphore", 2);
        InterProcessSemaphoreV2 theirs = new InterProcessSemaphoreV2(second, root + "/semaphore", 2);
        Lease one = mine.acquire();
        Lease two = theirs.acquire();
        Expect.that(theirs.acquire(200, TimeUnit.MILLISECONDS) == null, "there is no third lease");
        mine.returnLease(one);
        Lease three = theirs.acquire(Expect.DEADLINE_S, TimeUnit.SECONDS);
        Expect.that(three != null, "a returned lease is given again");
        theirs.returnLease(two);
        theirs.returnLease(three);
    }
}
