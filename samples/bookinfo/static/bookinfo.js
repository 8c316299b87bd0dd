// Asks for the reviews many times and shows which versions answered: a routing rule made visible.
const total = 50;
const atOnce = 5;
const names = ['v1', 'v2', 'v3', 'failed'];

async function ask() {
  try {
    const response = await fetch('/api/v1/products/0/reviews', { cache: 'no-store' });
    const version = response.headers.get('x-upstream-version') ?? 'v1';
    return response.ok && names.includes(version) ? version : 'failed';
  } catch {
    return 'failed';
  }
}

function show({ counts, bars, split, legend }) {
  const seen = names.filter((name) => counts[name] > 0);
  for (const name of names) bars[name].style.flexGrow = counts[name];
  const words = seen.map((name) => `${name}: ${counts[name]}`).join(' · ');
  split.setAttribute('aria-label', words);
  legend.textContent = words;
}

async function run(sampler) {
  const split = sampler.querySelector('[data-split]');
  const legend = sampler.querySelector('[data-legend]');
  const counts = Object.fromEntries(names.map((name) => [name, 0]));
  const bars = Object.fromEntries(
    names.map((name) => [name, Object.assign(document.createElement('i'), { className: name })]),
  );
  split.replaceChildren(...Object.values(bars));
  let left = total;
  const worker = async () => {
    while (left-- > 0) {
      counts[await ask()] += 1;
      show({ counts, bars, split, legend });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

const sampler = document.querySelector('[data-sampler]');
const button = sampler?.querySelector('[data-start]');
if (sampler && button) {
  sampler.hidden = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    await run(sampler);
    button.disabled = false;
  });
}
