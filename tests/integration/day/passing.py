"""Letting time pass, date by date: the model says when something is due, the system is looked at before and after."""
import model


def clusters(dates, within=2 * model.HOUR):
    """Moments that belong together: [(first, last), …]."""
    found = []
    for at in dates:
        if found and at - found[-1][1] <= within:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


def until(story, ms, on_the_way=None):
    """Goes on to that moment by every date that the model knows of; `on_the_way` is called after each."""
    while True:
        ahead = clusters([at for at in story.programme.dates(story.clock.now()) if at < ms])
        if not ahead:
            break
        first, last = ahead[0]
        if first - model.HOUR > story.clock.now():
            story.clock.go(first - model.HOUR)
            story.agrees()
        story.clock.go(last + model.HOUR)
        story.agrees()
        if on_the_way:
            on_the_way()
    story.clock.go(ms)
    story.agrees(terms=True)
