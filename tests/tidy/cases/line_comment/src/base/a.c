/* Throw-away debugging stayed. */
int f(void); // "what" /* this
int g(void);
