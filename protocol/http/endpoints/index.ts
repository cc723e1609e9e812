/** The API: every endpoint, in the order in which the documents show them. */
import type { Endpoint } from '../endpoint.js';
import { audienceQuestions } from './audience-questions.js';

export const allEndpoints: readonly Endpoint[] = [...audienceQuestions];
