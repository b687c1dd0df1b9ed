import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { trouble } from './api/health.ts';
import { caller, isReachable, logout, needsKey } from './api/server.ts';
import { later } from './parts/later.tsx';
import { href, route } from './route.ts';
import { Compare } from './views/compare.tsx';
import { JobPage } from './views/job.tsx';
import { Jobs } from './views/jobs.tsx';
import { Login } from './views/login.tsx';

const NewJob = later(async () => (await import('./views/new-job.tsx')).NewJob);
const TryIt = later(async () => (await import('./views/try-it.tsx')).TryIt);
const Race = later(async () => (await import('./views/race.tsx')).Race);
const Data = later(async () => (await import('./views/data.tsx')).Data);
const Installation = later(async () => (await import('./views/installation.tsx')).Installation);

const VIEWS: Record<string, { title: string; view: ComponentType; inMenu: boolean }> = {
  jobs: { title: 'Jobs', view: Jobs, inMenu: true },
  new: { title: 'New job', view: NewJob, inMenu: true },
  compare: { title: 'Compare', view: Compare, inMenu: true },
  try: { title: 'Try it', view: TryIt, inMenu: true },
  race: { title: 'Optimizer race', view: Race, inMenu: true },
  data: { title: 'Data', view: Data, inMenu: true },
  installation: { title: 'Installation', view: Installation, inMenu: true },
};

function Menu({ current }: { current: string }) {
  return (
    <nav class="menu" aria-label="Views">
      {Object.entries(VIEWS).map(([name, { title, inMenu }]) =>
        inMenu ? (
          <a key={name} href={href(name)} aria-current={name === current ? 'page' : undefined}>
            {title}
          </a>
        ) : null,
      )}
    </nav>
  );
}

/** The icon of the page, whose name the build chooses. */
const ICON = document.querySelector<HTMLLinkElement>('link[rel=icon]')?.href;

function Account() {
  const me = caller.value;
  if (me?.key == null) return null;
  return (
    <span class="account">
      {me.owner} <span class="faint">({me.role})</span>
      <button type="button" class="link" onClick={() => void logout()}>
        Log out
      </button>
    </span>
  );
}

function Banner() {
  const what = isReachable.value ? trouble.value : 'The server does not answer.';
  if (what === undefined) return null;
  return (
    <p class="banner" role="alert">
      {what} This page goes on by itself as soon as it can.
    </p>
  );
}

/** What was focused is gone with the last view: the keys go on at the top of the next. */
function useFocusOn(view: string): void {
  const last = useRef(view);
  useEffect(() => {
    if (last.current === view) return;
    last.current = view;
    scrollTo(0, 0);
    skip();
  }, [view]);
}

export function App() {
  const { path } = route.value;
  const [name = 'jobs', id] = path;
  useFocusOn(`${path.join('/')} ${needsKey.value}`);
  const Found = name === 'jobs' && id !== undefined ? JobPage : VIEWS[name]?.view;
  const title = VIEWS[name]?.title;
  document.title = title === undefined ? 'Descent' : `${title} · Descent`;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href={href('jobs')}>
          <img src={ICON} alt="" width={24} height={24} />
          Descent
        </a>
        <Menu current={name} />
        <Account />
      </header>
      <Banner />
      <main id="main" tabIndex={-1}>
        {needsKey.value ? <Login /> : Found === undefined ? <Nowhere /> : <Found key={path.join('/')} />}
      </main>
    </>
  );
}

/** No link: the address is the view's. */
function skip(): void {
  document.getElementById('main')?.focus({ preventScroll: true });
}

function Nowhere() {
  return (
    <section class="card empty">
      <h1>There is no such view</h1>
      <p>
        The address may be from another version. <a href={href('jobs')}>Go to the jobs</a>.
      </p>
    </section>
  );
}
