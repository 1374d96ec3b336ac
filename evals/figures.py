"""What each figure means, in one sentence for the report."""

_MEANINGS = {
    "retrieval": {
        "recall_at_1": "Share of the articles that answer found first.",
        "recall_at_5": "Share of the articles that answer among the first five.",
        "recall_at_10": "Share of the articles that answer among the first ten.",
        "ndcg_at_10": "Found, and the earlier the better.",
        "recall_at_5_alone": "Recall at five without the areas of the understood intent.",
        "answered": "Answerable questions of the fitted set whose best passage reaches the threshold.",
        "wrongly_answered": "Unanswerable questions of the fitted set that reach it too.",
        "answerable_declined": "Answerable questions that are told “I don't know”.",
        "unanswerable_declined": "Unanswerable questions that are told “I don't know”.",
        "follow_ups_found": "Questions that need the conversation before: found and answered, or rightly declined.",
        "new_subjects_found": "New questions after another subject: found and answered.",
        "context_precision": "RAGAS, no model: the section that holds the answer comes early among a turn's passages.",
        "context_recall": "RAGAS, no model: the section that holds the answer is among a turn's passages.",
        "filters_held": "Planted articles that may not be seen (audience, date, channel, locale, status) are not.",
        "filters_open": "The same articles are found where they may be seen.",
        "tables_whole": "Tables of the articles each row of which stands in a chunk with the names of its columns.",
        "ms_per_query": "Milliseconds for one search.",
        "seconds_to_index": "Seconds to build the index.",
        "chunks": "Passages in the index.",
    },
    "answers": {
        "right": "Answers that hold what they must and stand on an article that answers.",
        "answered": "Questions that get an answer at all.",
        "grounded": "Answers every sentence of which is in a passage it cites.",
        "undisputed": "Questions whose articles do not contradict each other; the others go to a person.",
        "unanswerable_declined": "Unanswerable questions nothing is said to.",
        "follow_ups_right": "Right answers to questions that need the conversation before.",
        "new_subjects_right": "Right answers to a new question after another subject.",
        "string_similarity": "RAGAS, no model: letters the answer shares with the reference.",
        "semantic_similarity": "RAGAS, local embedding: how near the answer is to the reference in meaning.",
        "mean_sentences": "Sentences, list items or table rows of an answer.",
        "mean_characters": "Length of an answer.",
        "ms_per_answer": "Milliseconds for search and extraction.",
        "judge_faithfulness": "RAGAS, by the judge: statements of the answer that its passages support.",
        "judge_answer_relevancy": "RAGAS, by the judge: the answer answers the question.",
        "judge_context_precision": "RAGAS, by the judge: useful passages come first.",
        "judge_context_recall": "RAGAS, by the judge: statements of the reference that the passages support.",
        "judge_not_judged": "Answers the judge said nothing usable about; they count in none of its figures.",
    },
    "classifier": {
        "accuracy": "Messages in scope that get their intent.",
        "macro_f1": "The same for the average intent, however rare.",
        "accuracy_without_scope": "The best intent is right, whether or not it was taken.",
        "calibration_error": "How far stated confidence is from the share that is right.",
        "oos_recall": "Messages out of scope that are recognised.",
        "oos_precision": "Of those called out of scope, the share that is.",
        "ms_per_message": "Milliseconds for one message.",
        "seconds_to_train": "Seconds to train.",
    },
    "conflicts": {
        "precision": "Of the pairs called contradicting, the share that is.",
        "recall": "Contradicting pairs that are found.",
        "f1": "Both in one number.",
        "right": "Pairs that are told to be what they are.",
        "asked_found": "Questions beside one more article that contradicts the answer: it is found.",
        "asked_quiet": "Questions beside one more article that does not: nothing is found.",
        "own_conflicts": "Contradictions found among the pack's own articles; all are false alarms.",
        "ms_per_pair": "Milliseconds for one pair.",
    },
}  # fmt: skip
_HALVES = {"tune": "the half that may be tuned on", "test": "the half that is only reported"}


def meaning(suite: str, figure: str) -> str:
    """Empty when there is nothing to say beyond the name."""
    half, _, rest = figure.rpartition(".")
    said = _MEANINGS.get(suite, {}).get(rest, "")
    return f"{said[:-1]} ({_HALVES[half]})." if said and half in _HALVES else said
