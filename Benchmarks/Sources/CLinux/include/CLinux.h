// What Swift's Glibc module leaves out, or cannot call because it is variadic.
#pragma once
#include <sys/epoll.h>
#include <sys/prctl.h>

/// Orphans below this process become its children instead of init's.
static inline int become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

/// The kernel sends this process a signal when its parent ends.
static inline int signal_at_parents_death(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
