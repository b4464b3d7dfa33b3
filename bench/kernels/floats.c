/*
 * Floats: additions, products, divisions and roots of doubles in nested loops. A sun and four
 * planets attract each other; each step moves all of them. Nature keeps their energy, and so do
 * they but for a few parts in ten million, which are the same on every machine.
 */
#include "cordon.h"

#include <math.h>

enum { BODIES = 5, STEPS = 120000 };

static const double step = 1.0 / 1024;

/* They set out with -0.00020026833333333332. */
static const double energy_at_end = -0.00020026821863545623;

struct body {
    double at[3];
    double speed[3];
    double mass;
};

static struct body bodies[BODIES];

/* Planets on circles around a sun of mass 1, each a little out of the plane of the one before. */
static void set_out(void)
{
    bodies[0].mass = 1;
    for (int i = 1; i < BODIES; i++) {
        const double radius = i;
        const double speed = sqrt(1 / radius);
        const double tilt = 0.125 * i;
        bodies[i].mass = 0.0001 * i;
        bodies[i].at[0] = radius;
        bodies[i].speed[1] = speed * sqrt(1 - tilt * tilt);
        bodies[i].speed[2] = speed * tilt;
    }
}

static double distance_squared(const struct body *a, const struct body *b)
{
    double sum = 0;
    for (int axis = 0; axis < 3; axis++) {
        const double apart = a->at[axis] - b->at[axis];
        sum += apart * apart;
    }
    return sum;
}

static double sum_energy(void)
{
    double sum = 0;
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            sum += bodies[i].mass * bodies[i].speed[axis] * bodies[i].speed[axis] / 2;
        }
        for (int j = i + 1; j < BODIES; j++) {
            sum -= bodies[i].mass * bodies[j].mass / sqrt(distance_squared(&bodies[i], &bodies[j]));
        }
    }
    return sum;
}

static void attract(struct body *a, struct body *b)
{
    const double squared = distance_squared(a, b);
    const double pull = step / (squared * sqrt(squared));
    for (int axis = 0; axis < 3; axis++) {
        const double apart = a->at[axis] - b->at[axis];
        a->speed[axis] -= apart * b->mass * pull;
        b->speed[axis] += apart * a->mass * pull;
    }
}

static void move_on(void)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            attract(&bodies[i], &bodies[j]);
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            bodies[i].at[axis] += bodies[i].speed[axis] * step;
        }
    }
}

cordon_value *move_planets(void)
{
    set_out();
    for (int i = 0; i < STEPS; i++) {
        move_on();
    }
    const double energy = sum_energy();
    if (energy != energy_at_end) {
        cordon_fail("the planets end with another energy than they must");
    }
    return cordon_number(energy);
}
