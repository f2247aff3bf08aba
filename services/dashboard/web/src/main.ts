import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { i18n } from './lib/i18n.svelte';
import { theme } from './lib/theme.svelte';

theme.start();
const target = document.getElementById('app');
if (target) void i18n.start().then(() => mount(App, { target }));
