"""Floquet multipliers against cycles played out by hand, against long simulations, and against what is known."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.diagnostics import floquet as module
from lab.diagnostics.floquet import Method, Scaled, cosine_rates, floquet, rates_of, update_maps, verdict
from lab.diagnostics.games import LOSSES, Bilinear, Dirac, Linear, Quadratic
from lab.phase import Clock, Constant, PhaseError, Schedule

PERIOD = 24
CLOCK = Clock(period=PERIOD)
LEAD = Schedule(CLOCK, "cosine", low=0.02, high=0.18)
SLING = Schedule(CLOCK, "triangle", low=-0.06, high=0.3)
SCHEDULES = {
    "constant": (Constant(0.1), Constant(0.07)),
    "in phase": (LEAD, LEAD.in_phase(0.01, 0.2)),
    "quadrature": (LEAD.shifted(0.25), LEAD),
    "quadrature behind": (LEAD.shifted(0.75), LEAD),
    "anti-phase": (LEAD.shifted(0.5), LEAD),
    "slingshot": (SLING.shifted(0.4), SLING),
}
GAMES = {
    "bilinear": Bilinear(),
    "quadratic": Quadratic(0.2, 1.3),
    **{f"dirac, {loss}": Dirac(0.3, loss) for loss in LOSSES},
    "dirac without penalty": Dirac(),
}
METHODS = [Method(updates, momentum) for updates in ("alternating", "simultaneous") for momentum in (0.0, -0.3, 0.5)]
METHODS += [Method(momentum=momentum, first="discriminator") for momentum in (0.0, 0.5)]


def played(game, generator, discriminator, method):
    """The map of one cycle of the actual, nonlinear game, by complex steps from its equilibrium, without Jacobians."""
    columns = []
    size = 4 if method.momentum else 2
    for direction in np.eye(size):
        state = 1e-30j * direction
        x, m = state[:2].copy(), (state[2:] if method.momentum else np.zeros(2, complex)).copy()
        for a, b in zip(generator, discriminator, strict=True):
            old = game.field(x)
            order = [(0, a), (1, b)] if method.first == "generator" else [(1, b), (0, a)]
            for player, rate in order:
                seen = game.field(x) if method.updates == "alternating" else old
                m[player] = method.momentum * m[player] + seen[player]
                x[player] = x[player] + rate * m[player]
        columns.append(np.concatenate([x, m]).imag[:size] / 1e-30)
    return np.stack(columns, axis=-1)


def sorted_multipliers(values):
    return sorted(values, key=lambda value: (-round(abs(value), 9), value.imag))


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("game", GAMES)
def test_multipliers_are_those_of_a_cycle_that_is_played(game, schedule, method):
    generator, discriminator = (rates_of(voice, PERIOD) for voice in SCHEDULES[schedule])
    found = floquet(GAMES[game], generator, discriminator, method)
    expected = np.linalg.eigvals(played(GAMES[game], generator, discriminator, method))
    assert sorted_multipliers(found.multipliers) == pytest.approx(sorted_multipliers(expected), abs=1e-8)
    assert found.growth_per_step == pytest.approx(np.abs(expected).max() ** (1 / PERIOD) - 1, abs=1e-10)


def test_voices_and_their_tables_give_the_same():
    generator, discriminator = SCHEDULES["quadrature"]
    by_voice = floquet(Bilinear(), generator, discriminator, period=PERIOD)
    by_array = floquet(Bilinear(), generator.table(PERIOD), discriminator)
    assert np.array_equal(by_voice.multipliers, by_array.multipliers)


@pytest.mark.parametrize(
    ("offset", "growth", "digits"), [(0.0, 0.0009, 4), (0.25, 0.027, 3), (0.75, 0.024, 3), (0.5, 0.041, 3)]
)
def test_resonance_of_the_bilinear_game_at_half_its_rotation(offset, growth, digits):
    """η = .1, modulation .8: at period 31 the game grows, and at 200, alternating, not at all."""
    fast = floquet(Bilinear(), *cosine_rates(0.1, 0.8, 31, [offset, 0.0]))
    assert round(fast.growth_per_step, digits) == growth
    assert fast.verdict == "unstable"
    slow = floquet(Bilinear(), *cosine_rates(0.1, 0.8, 200, [offset, 0.0]))
    assert abs(slow.growth_per_step) < 1e-12
    assert slow.verdict == "neutral"


def test_period_200_is_no_refuge_for_a_game_without_damping():
    """What the table does not say: thin tongues lie beside period 200."""
    assert floquet(Bilinear(), *cosine_rates(0.1, 0.8, 195, [0.5, 0.0])).growth_per_step > 1e-3
    assert floquet(Bilinear(), *cosine_rates(0.1, 0.8, 211, [0.25, 0.0])).growth_per_step > 1e-3


@pytest.mark.parametrize("game", [Bilinear(0.1), Quadratic(0.1), Linear.of_spectrum([-0.1 + 1j])], ids=str)
def test_anti_phase_turns_a_stable_game_unstable(game):
    constant = floquet(game, *cosine_rates(0.1, 0.0, 50, [0.5, 0.0]))
    assert 1 + constant.growth_per_step == pytest.approx(0.990, abs=5e-4)
    assert constant.verdict == "stable"
    cycle = floquet(game, *cosine_rates(0.1, 0.9, 50, [0.5, 0.0]))
    assert 1 + cycle.growth_per_step == pytest.approx(1.0245, abs=5e-5)
    assert cycle.verdict == "unstable"


RATES = st.lists(st.tuples(st.floats(0.001, 0.5), st.floats(0.001, 0.5)), min_size=1, max_size=40)


@given(RATES)
def test_the_bilinear_games_determinant(rates):
    """∏(1 + αβ) > 1 for simultaneous steps, exactly 1 for alternating ones: none of them converges."""
    generator, discriminator = np.array(rates).T
    jacobian = Bilinear().jacobian(np.zeros(2))
    apart = update_maps(jacobian, 1, generator, discriminator, Method("simultaneous"))
    assert np.linalg.det(apart) == pytest.approx(1 + generator * discriminator, rel=1e-12)
    together = floquet(Bilinear(), generator, discriminator, Method("simultaneous"))
    assert np.prod(together.multipliers).real == pytest.approx(np.prod(1 + generator * discriminator), rel=1e-9)
    assert together.verdict == "unstable" or np.prod(1 + generator * discriminator) < 1 + 1e-6
    assert np.prod(floquet(Bilinear(), generator, discriminator).multipliers).real == pytest.approx(1, rel=1e-9)


def test_a_slingshot_converges_where_positive_rates_cannot():
    """Simultaneous steps on the bilinear game, rates that change sign (Shugart and Altschuler 2025, 2505.01423)."""
    rates = cosine_rates(0.1, 2.2, 4, [0.5, 0.0])
    assert rates.min() < 0
    assert floquet(Bilinear(), *rates, Method("simultaneous")).verdict == "stable"


def test_negative_momentum_damps_the_bilinear_game():
    """Gidel et al. 2019: alternating steps with negative momentum converge, with positive momentum they diverge."""
    rates = cosine_rates(0.1, 0.0, 1, [0.0, 0.0])
    assert floquet(Bilinear(), *rates, Method("alternating", -0.5)).verdict == "stable"
    assert floquet(Bilinear(), *rates, Method("alternating", 0.5)).verdict == "unstable"
    assert floquet(Bilinear(), *rates, Method("simultaneous", -0.1)).verdict == "unstable"


def test_the_dirac_gan_oscillates_below_gamma_one_and_not_above():
    rates = cosine_rates(0.1, 0.0, 1, [0.0, 0.0])
    apart = Method("simultaneous")
    assert floquet(Dirac(0.999), *rates, apart).multipliers.imag.any()
    assert not floquet(Dirac(1.001), *rates, apart).multipliers.imag.any()
    # Alternating steps are critical a little earlier, at γ = 1 − η/4.
    assert floquet(Dirac(0.974), *rates).multipliers.imag.any()
    assert not floquet(Dirac(0.976), *rates).multipliers.imag.any()


SETTINGS = 240


@pytest.mark.slow
def test_predicted_growth_is_observed_growth():
    """240 random settings of all games, simulated for 60,000 steps from near the equilibrium, all at once.

    Observed is the logarithm's mean under a smooth window (Das et al. 2017, weighted Birkhoff averages), which forgets
    how a rotating deviation begins and ends.
    """
    draw = np.random.default_rng(8)
    period, offset = draw.integers(4, 121, SETTINGS), draw.random(SETTINGS)
    modulation, damping = draw.uniform(0, 1.4, SETTINGS), draw.uniform(0, 0.2, SETTINGS) * draw.integers(0, 2, SETTINGS)
    lr, gamma = draw.uniform(0.05, 0.3, SETTINGS), draw.uniform(0, 1.2, SETTINGS)
    kind = np.arange(SETTINGS) % 5  # bilinear and quadratic, then the Dirac-GAN's four losses
    alternating = draw.random(SETTINGS) < 0.5
    momentum = draw.choice([0.0, 0.0, -0.3, 0.4], SETTINGS)
    games = [
        Quadratic(mu) if k == 0 else Dirac(g, list(LOSSES)[k - 1], mu)
        for k, mu, g in zip(kind, damping, gamma, strict=True)
    ]
    predicted = np.array([
        floquet(games[i], *cosine_rates(lr[i], modulation[i], int(period[i]), [offset[i], 0.0]),
                Method("alternating" if alternating[i] else "simultaneous", float(momentum[i]))).growth_per_step
        for i in range(SETTINGS)
    ])  # fmt: skip

    def field(theta, psi):
        u = psi * theta
        e = 1 / (1 + np.exp(-u))
        slope = np.choose(kind, [1.0, e, e, 1.0, 0.5 + u])  # of the discriminator's loss
        pull = np.choose(kind, [-1.0, 1 - e, e, 1.0, 0.5 - u])  # minus that of the generator's
        return pull * psi - damping * theta, (kind > 0) * (-slope * theta - gamma * psi) + (
            kind == 0
        ) * theta - damping * psi

    steps, radius = 60_000, 1e-6
    theta, psi = radius * draw.normal(size=SETTINGS), radius * draw.normal(size=SETTINGS)
    first, second = np.zeros(SETTINGS), np.zeros(SETTINGS)
    total = weights = np.zeros(SETTINGS)
    for step in range(steps):
        a = lr * (1 + modulation * np.cos(2 * np.pi * (step % period / period + offset)))
        b = lr * (1 + modulation * np.cos(2 * np.pi * (step % period / period)))
        push, old = field(theta, psi)
        first = momentum * first + push
        theta = theta + a * first
        second = momentum * second + np.where(alternating, field(theta, psi)[1], old)
        psi = psi + b * second
        size = np.sqrt(theta**2 + psi**2 + lr**2 * (first**2 + second**2)) / radius
        theta, psi, first, second = theta / size, psi / size, first / size, second / size
        if step:
            at = step / steps
            window = np.exp(-1 / (at * (1 - at)))
            total, weights = total + window * np.log(size), weights + window
    observed = np.expm1(total / weights)
    assert np.all(np.abs(observed - predicted) <= np.maximum(0.01 * np.abs(predicted), 1e-5))
    clear = np.abs(predicted) > 1e-3
    assert clear.sum() > 140
    assert (predicted[clear] > 0).sum() > 30
    assert (predicted[clear] < 0).sum() > 30
    said = np.array([verdict(growth) for growth in predicted])
    assert np.array_equal(said[clear], np.where(observed[clear] > 0, "unstable", "stable"))


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 9), st.sampled_from(METHODS), st.integers(0, 2))
def test_a_product_by_halves_is_the_product_in_turn(period, seed, method, doublings):
    generator, discriminator = np.random.default_rng(seed).uniform(-0.1, 0.4, (2, period))
    jacobian = Quadratic(0.1).jacobian(np.zeros(2))
    maps = update_maps(jacobian, 1, generator, discriminator, method)
    expected = np.eye(maps.shape[-1])
    for each in maps:
        expected = np.linalg.matrix_power(each, 2**doublings) @ expected
    found = Scaled.of(maps).squared(doublings).product()
    largest = np.abs(expected).max()
    assert np.exp(found.log) * found.matrix == pytest.approx(expected, rel=1e-9, abs=1e-11 * largest)


def test_a_long_cycle_neither_overflows_nor_takes_long():
    found = floquet(Quadratic(0.0), *cosine_rates(0.5, 0.0, 1_000_000, [0.0, 0.0]), Method("simultaneous"))
    assert found.growth_per_step == pytest.approx(np.sqrt(1.25) - 1, rel=1e-9)
    assert found.verdict == "unstable"


def test_a_map_that_forgets_everything_has_growth_minus_one():
    found = floquet(Quadratic(1.0, 0.0), [1.0], [1.0])
    assert found.growth_per_step == -1.0
    assert found.verdict == "stable"


@pytest.mark.parametrize(
    ("growth", "word"), [(2e-9, "unstable"), (5e-10, "neutral"), (-5e-10, "neutral"), (-2e-9, "stable")]
)
def test_verdicts(growth, word):
    assert verdict(growth) == word


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Method("both"), "updates: 'both' is not accepted; expected alternating or simultaneous"),
        (lambda: Method(momentum=1.0), "momentum: 1.0 is not accepted"),
        (lambda: Method(momentum=float("nan")), "momentum: nan is not accepted"),
        (lambda: floquet(Bilinear(), LEAD, LEAD), "period: None is not accepted"),
        (lambda: floquet(Bilinear(), [0.1], [0.1, 0.2]), "rates: "),
        (lambda: floquet(Bilinear(), [], []), "rates: "),
        (lambda: floquet(Bilinear(), [np.nan], [0.1]), "rates: "),
        (lambda: floquet(Bilinear(), [1e300], [1e300]), "rates: "),
        (lambda: rates_of(LEAD, 23), "does not repeat after 23 steps"),
        (lambda: rates_of(Schedule(Clock(10, cycles=1), low=0.0, high=1.0), 10), "does not repeat after 10 steps"),
    ],
)
def test_what_has_no_multipliers_is_refused(make, message):
    with pytest.raises(PhaseError) as raised:
        make()
    assert message in str(raised.value)


def test_the_examples_are_true():
    assert doctest.testmod(module).failed == 0
