// First: in one piece, the page's own code compresses better.
import 'uplot';
import { render } from 'preact';
import { startFeed } from './api/feed.ts';
import { watchHealth } from './api/health.ts';
import { recognise } from './api/server.ts';
import { App } from './app.tsx';

void recognise();
startFeed();
watchHealth();
render(<App />, document.getElementById('app')!);
