package raftkeeper.compat;

import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** What a check says it expects; the message of a failure is made here. */
final class Expect {
    /** A busy machine delivers an event within milliseconds; this long means never. */
    static final long DEADLINE_S = 20;

    private static final long LOOK_MS = 20;

    private Expect() {}

    static void that(boolean holds, String claim) {
        if (!holds) {
            throw new AssertionError(claim);
        }
    }

    static void equal(Object expected, Object found, String what) {
        that(expected.equals(found), what + ": " + found + " instead of " + expected);
    }

    static void becomes(Callable<Boolean> condition, String claim) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_S);
        while (!condition.call()) {
            that(System.nanoTime() < end, claim + " (waited " + DEADLINE_S + " s)");
            Thread.sleep(LOOK_MS);
        }
    }

    /** The exception that {@code action} must throw. */
    static <E extends Exception> E thrown(Class<E> kind, Callable<?> action) throws Exception {
        try {
            action.call();
        } catch (Exception caught) {
            if (kind.isInstance(caught)) {
                return kind.cast(caught);
            }
            throw caught;
        }
        throw new AssertionError("no " + kind.getSimpleName() + " was thrown");
    }
}
