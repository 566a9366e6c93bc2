/* Exact percentiles of latencies: every one is kept, a few hundred thousand at most. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
    int64_t *ns;
    size_t count, room;
};

/* Keeps one latency. */
void samples_add(struct samples *samples, int64_t ns);

/* Forgets all. */
void samples_clear(struct samples *samples);

/* Prints `"p50_us": ..., "p90_us": ..., "p99_us": ..., "max_us": ...` (JSON members; nothing without samples). */
void samples_print(struct samples *samples);

#endif
