// A clock for the chaos run, put into the unmodified function by LD_PRELOAD: time goes `scale` times as fast, and jumps
// ahead when the harness says so, so that a day of waiting takes seconds. It changes what a program is told of the time
// and how long it waits in epoll; nothing else. clock.rs writes the file with the jump and computes the same time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

static int (*real_clock)(clockid_t, struct timespec *);
static int (*real_epoll)(int, struct epoll_event *, int, int);
static volatile const int64_t *jump;
static int64_t anchor, scale = 1;

__attribute__((constructor)) static void start(void) {
    real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    real_epoll = (int (*)(int, struct epoll_event *, int, int))dlsym(RTLD_NEXT, "epoll_wait");
    const char *file = getenv("CHAOS_CLOCK"), *from = getenv("CHAOS_ANCHOR"), *by = getenv("CHAOS_SCALE");
    int opened = file ? open(file, O_RDONLY) : -1;
    void *page = opened < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, opened, 0);
    if (page == MAP_FAILED || !from || !by) {
        fputs("clock.c: CHAOS_CLOCK, CHAOS_ANCHOR and CHAOS_SCALE are not all there\n", stderr);
        abort();
    }
    anchor = atoll(from);
    scale = atoll(by);
    jump = page;
}

int clock_gettime(clockid_t id, struct timespec *out) {
    // Something may ask before the constructor has run.
    if (!jump)
        return ((int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"))(id, out);
    int answer = real_clock(id, out);
    int is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    int is_steady = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME;
    if (answer != 0 || (!is_wall && !is_steady))
        return answer;
    int64_t now = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec;
    now = (is_wall ? anchor + (now - anchor) * scale : now * scale) + *jump;
    out->tv_sec = now / 1000000000;
    out->tv_nsec = now % 1000000000;
    return 0;
}

int epoll_wait(int on, struct epoll_event *events, int most, int milliseconds) {
    if (milliseconds > 0 && jump)
        milliseconds = (int)((milliseconds + scale - 1) / scale);
    return real_epoll(on, events, most, milliseconds);
}
