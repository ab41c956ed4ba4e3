// The few lines of C: what must happen between clone and exec, and system calls that Swift cannot make by itself.
// Forking a threaded Swift process is not safe; clone with CLONE_VM | CLONE_VFORK runs only the code below in the child.
#ifndef CMUSTER_H
#define CMUSTER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  // setsid: the child outlives its parent's terminal and is signalled as a group.
  MUSTER_SPAWN_SESSION = 1,
  // The child is init of a new PID namespace with mounts of its own: its death kills all its descendants.
  MUSTER_SPAWN_NAMESPACE = 2,
  // With NAMESPACE, for an ordinary user: a user namespace in which we are still ourselves.
  MUSTER_SPAWN_USER_NAMESPACE = 4,
  // The child is killed when the thread that spawned it ends.
  MUSTER_SPAWN_DIE_WITH_PARENT = 8,
};

typedef struct muster_spawn {
  const char *path;
  char *const *arguments;
  char *const *environment;
  const char *directory;  // NULL: stay
  int standard_input, standard_output, standard_error;
  int flags;
  const char *cgroup_procs;  // a cgroup.procs file to join before exec, or NULL
} muster_spawn_t;

// Returns the pid, with *pidfd open and close-on-exec; or -1 with errno set and *stage telling what failed.
enum { MUSTER_STAGE_CLONE = 0, MUSTER_STAGE_DIRECTORY = 1, MUSTER_STAGE_CGROUP = 2, MUSTER_STAGE_EXEC = 3, MUSTER_STAGE_OTHER = 4 };
pid_t muster_spawn(const struct muster_spawn *spawn, int *pidfd, int *stage);

// For init of a new namespace: gives it a /proc of its own. Returns a descriptor of the host's /proc, or -1 with errno.
int muster_own_proc(void);

int muster_pidfd_open(pid_t pid);
int muster_pidfd_signal(int pidfd, int signal);

// Receives one datagram and who sent it. Returns its length (more than `size` if it was cut), or -1 with errno.
ssize_t muster_receive_note(int socket, void *buffer, size_t size, uid_t *sender);

int muster_subreaper(void);

// What stat(2) says of a file. (Whose `struct stat` Swift takes depends on which of several modules it has read first.)
struct muster_file {
  int64_t size;
  uint64_t inode;
  uint32_t mode;
  int64_t modified_seconds;
  int64_t modified_nanoseconds;
};
int muster_stat(const char *path, struct muster_file *file);
int muster_fstat(int descriptor, struct muster_file *file);

// Gives the disk blocks of a file's range back; its size stays.
int muster_punch(int file, off_t from, off_t length);

// An unnamed file in memory, close-on-exec. Returns its descriptor, or -1 with errno.
int muster_memory_file(const char *name);

#endif
