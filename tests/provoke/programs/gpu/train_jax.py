"""Training with JAX on one GPU: train_jax.py TASK"""

import sys

import jax
import jax.numpy as jnp


def too_large():
    x = jnp.ones((400_000, 200_000), dtype=jnp.float32)
    print("mean", (x @ x.T).mean())


def step_too_large():
    @jax.jit
    def loss(w, x):
        return jnp.mean(jnp.tanh(x @ w) ** 2)

    w, x = jnp.ones((8192, 8192)), jnp.ones((3_000_000, 8192))
    for step in range(3):
        w = w - 0.1 * jax.grad(loss)(w, x)
        print("step", step, float(loss(w, x[:64])))


def nan_found():
    jax.config.update("jax_debug_nans", True)

    @jax.jit
    def loss(w):
        return jnp.log(w).sum()

    w = jnp.ones(8)
    for step in range(20):
        w = w - 0.3 * jax.grad(loss)(w) * jnp.sign(w)
        print("step", step, float(loss(w)))


def tracer_as_bool():
    @jax.jit
    def clipped(x):
        if x.sum() > 1:
            return x / x.sum()
        return x

    print(clipped(jnp.ones(4)))


print("devices", jax.devices(), flush=True)
globals()[sys.argv[1]]()
