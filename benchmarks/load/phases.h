/* The harness drives the load generator through lines: it prints "ready", waits for "go", works until its time is over
 * or "stop" comes, and prints its figures as one line of JSON. */
#ifndef PHASES_H
#define PHASES_H

#include <stdbool.h>
#include <stdint.h>

/* Without one answer for this long the run is given up: some peers stop answering under load. */
#define STALL_S 20

/* Watches standard input. */
void phases_init(void);

/* Prints "ready" and serves the loop until "go"; exits when standard input ends. */
void phases_ready(void);

/* Starts the measured part: forgets what was counted so far. */
void phases_begin(void);

/* Returns whether the measured part goes on: `end_ns` lies ahead and no "stop" came. */
bool phases_going(int64_t end_ns);

/* Serves the loop for one turn, until `deadline_ns` at most. Exits when nothing was answered for STALL_S seconds. */
void phases_turn(int64_t deadline_ns);

/* Tells the stall watch that an answer came. */
void phases_progress(void);

/* Prints the figures. */
void phases_report(const char *work);

#endif
