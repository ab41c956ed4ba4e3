int muster_x(void);
