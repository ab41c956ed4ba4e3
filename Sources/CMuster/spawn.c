#define _GNU_SOURCE
#include "CMuster.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
  const struct muster_spawn *spawn;
  uid_t uid;
  gid_t gid;
  // Written by the child, read by the parent: they share memory until exec.
  volatile int stage;
  volatile int error;
};

static int give_up(struct child *child, int stage) {
  child->stage = stage;
  child->error = errno;
  _exit(127);
}

static int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = write(fd, text, strlen(text));
  int saved = errno;
  close(fd);
  errno = saved;
  return n < 0 ? -1 : 0;
}

static int map_ourselves(struct child *child) {
  char line[64];
  if (write_file("/proc/self/setgroups", "deny") < 0 && errno != ENOENT) return -1;
  snprintf(line, sizeof line, "%u %u 1", child->uid, child->uid);
  if (write_file("/proc/self/uid_map", line) < 0) return -1;
  snprintf(line, sizeof line, "%u %u 1", child->gid, child->gid);
  return write_file("/proc/self/gid_map", line);
}

// Puts a descriptor in its place; the sources are above 2 (see muster_spawn).
static int place(int fd, int as) { return fd < 0 ? 0 : dup2(fd, as); }

static int run_child(void *argument) {
  struct child *child = argument;
  const struct muster_spawn *spawn = child->spawn;

  // Handlers are the parent's code, and they would run on memory that we share.
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int i = 1; i < NSIG; i++) sigaction(i, &action, NULL);

  if (spawn->flags & MUSTER_SPAWN_USER_NAMESPACE && map_ourselves(child) < 0) give_up(child, MUSTER_STAGE_OTHER);
  if (spawn->flags & MUSTER_SPAWN_SESSION) setsid();
  if (spawn->flags & MUSTER_SPAWN_DIE_WITH_PARENT && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) give_up(child, MUSTER_STAGE_OTHER);
  if (spawn->cgroup_procs && write_file(spawn->cgroup_procs, "0") < 0) give_up(child, MUSTER_STAGE_CGROUP);
  if (place(spawn->standard_input, 0) < 0 || place(spawn->standard_output, 1) < 0 || place(spawn->standard_error, 2) < 0)
    give_up(child, MUSTER_STAGE_OTHER);
  syscall(SYS_close_range, 3u, ~0u, 0u);
  if (spawn->directory && chdir(spawn->directory) < 0) give_up(child, MUSTER_STAGE_DIRECTORY);

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(spawn->path, spawn->arguments, spawn->environment);
  return give_up(child, MUSTER_STAGE_EXEC);
}

pid_t muster_spawn(const struct muster_spawn *spawn, int *pidfd, int *stage) {
  enum { stack_size = 256 * 1024 };
  char *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  *stage = MUSTER_STAGE_CLONE;
  if (stack == MAP_FAILED) return -1;
  struct child child = {.spawn = spawn, .uid = geteuid(), .gid = getegid(), .stage = 0, .error = 0};

  int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  if (spawn->flags & MUSTER_SPAWN_NAMESPACE) flags |= CLONE_NEWPID | CLONE_NEWNS;
  if (spawn->flags & MUSTER_SPAWN_USER_NAMESPACE) flags |= CLONE_NEWUSER;

  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // The parent sleeps until the child has exec'ed or ended (CLONE_VFORK), so the stack and `child` outlive it.
  pid_t pid = clone(run_child, stack + stack_size, flags, &child, pidfd);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  munmap(stack, stack_size);

  if (pid < 0) {
    errno = error;
    return -1;
  }
  if (child.error != 0) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    close(*pidfd);
    *stage = child.stage;
    errno = child.error;
    return -1;
  }
  return pid;
}

int muster_own_proc(void) {
  int host = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (host < 0) return -1;
  // Mounts made on the host still arrive here; ours do not leave.
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
      mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
    int saved = errno;
    close(host);
    errno = saved;
    return -1;
  }
  return host;
}

int muster_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int muster_pidfd_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

ssize_t muster_receive_note(int socket, void *buffer, size_t size, uid_t *sender) {
  union {
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
  } control;
  struct iovec part = {.iov_base = buffer, .iov_len = size};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
  if (n < 0) return -1;
  *sender = (uid_t)-1;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
      struct ucred who;
      memcpy(&who, CMSG_DATA(c), sizeof who);
      *sender = who.uid;
    }
  }
  return n;
}

int muster_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1); }

static void fill(struct muster_file *file, const struct stat *found) {
  *file = (struct muster_file){found->st_size, found->st_ino, found->st_mode, found->st_mtim.tv_sec, found->st_mtim.tv_nsec};
}

int muster_stat(const char *path, struct muster_file *file) {
  struct stat found;
  if (stat(path, &found) != 0) return -1;
  fill(file, &found);
  return 0;
}

int muster_fstat(int descriptor, struct muster_file *file) {
  struct stat found;
  if (fstat(descriptor, &found) != 0) return -1;
  fill(file, &found);
  return 0;
}

int muster_punch(int file, off_t from, off_t length) {
  return fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, from, length);
}

int muster_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }
