#include "CMuster.h"
int muster_x(void){return 0;}
