#include "samples.h"

#include "loop.h"

#include <stdio.h>
#include <stdlib.h>

void samples_add(struct samples *samples, int64_t ns)
{
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 4096;
        samples->ns = realloc(samples->ns, samples->room * sizeof *samples->ns);
        if (!samples->ns)
            die("realloc");
    }
    samples->ns[samples->count++] = ns;
}

void samples_clear(struct samples *samples)
{
    samples->count = 0;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double percentile_us(const struct samples *samples, double share)
{
    size_t at = (size_t)(share * (double)samples->count);

    return (double)samples->ns[at < samples->count ? at : samples->count - 1] / 1e3;
}

void samples_print(struct samples *samples)
{
    if (!samples->count)
        return;
    qsort(samples->ns, samples->count, sizeof *samples->ns, ascending);
    printf(", \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f", percentile_us(samples, 0.50),
           percentile_us(samples, 0.90), percentile_us(samples, 0.99), (double)samples->ns[samples->count - 1] / 1e3);
}
