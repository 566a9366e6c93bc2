/* The kinds of work; each runs all its phases and prints its figures. */
#ifndef WORK_H
#define WORK_H

/* Numbers of the work, from the command line. */
struct job {
    unsigned sessions;  /* at the same time */
    double seconds;     /* of the measured part */
    double warmup_s;
    unsigned mib;       /* per bulk message */
    double rate;        /* commands per second and session; 0: closed loop */
    unsigned window;    /* logins under way at a time while many sessions open */
    unsigned limit;     /* logins in all at most; 0: as many as the time allows */
};

/* Logs in and out again, job.sessions at a time. The latency of a login runs from connect to the answer. */
void work_logins(const struct job *job);

/* Each session fetches messages of job.mib MiB (IMAP) and checks every byte. */
void work_download(const struct job *job);

/* Each session sends messages of job.mib MiB (SMTP), which the upstream checks byte by byte. */
void work_upload(const struct job *job);

/* Opens job.sessions sessions in IDLE and holds them until "go". */
void work_idle(const struct job *job);

/* Sends NOOPs on job.sessions sessions, closed loop or at job.rate. */
void work_noop(const struct job *job);

#endif
