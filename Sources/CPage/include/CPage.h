// The page's files, embedded in the program. clang writes what it embeds into its list of dependencies, so a changed
// asset compiles this anew, and nothing else.
#ifndef CPAGE_H
#define CPAGE_H

#include <stddef.h>

typedef struct cpage_asset {
  const char *name;
  const unsigned char *bytes;
  size_t count;
} cpage_asset_t;

// How many there are, and each; NULL beyond.
size_t cpage_count(void);
const cpage_asset_t *cpage_asset(size_t index);

#endif
