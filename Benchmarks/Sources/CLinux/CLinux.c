#include "CLinux.h"

static void *run(void *body) {
  ((void (*)(void))body)();
  return NULL;
}

int start_thread(void (*body)(void)) {
  pthread_t thread;
  return pthread_create(&thread, NULL, run, (void *)body);
}
