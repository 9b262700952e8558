/* Imitates a disk that writes before it answers.
 *
 * Preloaded (LD_PRELOAD), it lets fsync and fdatasync do their work and then delays the caller until
 * FLUENTSD_BENCH_SYNC_US microseconds have passed since the call. It sleeps and does not spin, so other threads have the
 * processor meanwhile, as with a real slow disk. It counts the calls, so that a benchmark can verify the delay.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static atomic_long calls;
static atomic_long least_ns = -1;

long fluentsd_bench_syncs(void) { return atomic_load(&calls); }

static long least(void)
{
    long known = atomic_load(&least_ns);
    if (known < 0) {
        const char *setting = getenv("FLUENTSD_BENCH_SYNC_US");
        known = setting ? atol(setting) * 1000 : 0;
        atomic_store(&least_ns, known);
    }
    return known;
}

static int slowly(const char *name, int fd)
{
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += least() % 1000000000;
    until.tv_sec += least() / 1000000000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    int answer = sync(fd);
    int reason = errno;
    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0); /* per thread; the default would add 50 us of its own */
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
    atomic_fetch_add(&calls, 1);
    errno = reason;
    return answer;
}

int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
