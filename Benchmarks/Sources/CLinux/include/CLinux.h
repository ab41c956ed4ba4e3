// What Swift's Glibc module leaves out, or cannot call because it is variadic.
#pragma once
#include <sys/epoll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>

/// Orphans below this process become its children instead of init's.
static inline int become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

/// The kernel sends this process a signal when its parent ends.
static inline int signal_at_parents_death(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

/// A thread of its own for a function that takes nothing. - Returns: 0, or pthread_create's error.
int start_thread(void (*body)(void));
