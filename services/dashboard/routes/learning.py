"""What was learned."""

from fastapi import APIRouter

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Times
from services.dashboard.logic.learning import Learning


class LearningAnswer(Learning):
    """With the times to judge its age by: the report's times are venue times."""

    times: Times


def router(desk: Desk) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["learning"])

    @routes.get("/api/learning")
    async def learning() -> LearningAnswer:
        """Filter report, calibration, tuner, playbook, post-mortems, value of AI help. Hypothetical but for closed trades."""
        found = desk.view.lessons.answer
        return LearningAnswer(report=found.report, distances=found.distances, unknown=found.unknown, times=desk.times())

    return routes
