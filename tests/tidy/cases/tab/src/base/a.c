/* A tab. */
int f(
	void);
