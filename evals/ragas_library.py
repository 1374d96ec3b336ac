"""The parts of ragas that the suites use; the only importer of ragas, which takes seconds to import.

Its usage events are forbidden before it is there. Metrics come from ``ragas.metrics.collections``; those for contexts
without a model exist only among the older ones.
"""

from desk.config.settings import forbid_tracking_by_ragas
from desk.domain.errors import ConfigurationError

forbid_tracking_by_ragas()

try:
    import rapidfuzz  # noqa: F401  ragas asks for it when a metric is made
    from ragas.dataset_schema import SingleTurnSample
    from ragas.embeddings.base import BaseRagasEmbedding
    from ragas.llms.base import InstructorBaseRagasLLM
    from ragas.metrics._context_precision import NonLLMContextPrecisionWithReference
    from ragas.metrics._context_recall import NonLLMContextRecall
    from ragas.metrics._string import NonLLMStringSimilarity as ContextSimilarity
    from ragas.metrics.collections import (
        AnswerRelevancy,
        ContextPrecisionWithReference,
        ContextRecall,
        Faithfulness,
        NonLLMStringSimilarity,
        SemanticSimilarity,
    )
except ImportError as exc:
    raise ConfigurationError(
        'The suites on a pack use ragas, which is not installed; install it with: pip install "frontdesk[evals]"'
    ) from exc

__all__ = [
    "AnswerRelevancy",
    "BaseRagasEmbedding",
    "ContextPrecisionWithReference",
    "ContextRecall",
    "ContextSimilarity",
    "Faithfulness",
    "InstructorBaseRagasLLM",
    "NonLLMContextPrecisionWithReference",
    "NonLLMContextRecall",
    "NonLLMStringSimilarity",
    "SemanticSimilarity",
    "SingleTurnSample",
]
