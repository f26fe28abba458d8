from django.urls import path

from convene.pages import View, acting, get_or_post, reading

from . import busy_views, reminder_views, schedule_views, today_views, views

app_name = "appointments"

ONE = "requests/<uuid:pk>/"
CALENDAR = "calendar/"
BUSY = CALENDAR + "busy/<uuid:pk>/"


def deciding(act: View) -> View:
    """Acts on an appointment; whoever opens the address itself is sent to the appointment."""
    return get_or_post(views.to_detail, act)


urlpatterns = [
    path("today/", reading(today_views.today), name="today"),
    path("requests/", reading(views.request_list), name="list"),
    path("attention/", reading(today_views.attention_page), name="attention"),
    path(CALENDAR, reading(schedule_views.schedule), name="schedule"),
    path(CALENDAR + "items.json", reading(schedule_views.schedule_items), name="schedule_items"),
    path(CALENDAR + "why-not/", reading(schedule_views.why_not), name="why_not"),
    path(
        CALENDAR + "busy/new/",
        get_or_post(busy_views.new_busy, busy_views.add_busy),
        name="new_busy",
    ),
    path(BUSY, get_or_post(busy_views.busy, busy_views.change_busy), name="busy"),
    path(BUSY + "remove/", acting(busy_views.remove_busy), name="remove_busy"),
    path(ONE, reading(views.detail), name="detail"),
    path(ONE + "check/", reading(views.check), name="check"),
    path(ONE + "approve/", deciding(views.approve), name="approve"),
    path(ONE + "reschedule/", deciding(views.reschedule), name="reschedule"),
    path(ONE + "decline/", deciding(views.decline), name="decline"),
    path(ONE + "cancel/", get_or_post(views.confirm_cancel, views.cancel), name="cancel"),
    path(ONE + "guest/", get_or_post(views.edit_guest, views.correct_guest), name="guest"),
    path(ONE + "calendar.ics", reading(views.calendar_file), name="calendar"),
    path(ONE + "mails/<uuid:mail>/send-again/", deciding(views.send_again), name="send_again"),
    path(ONE + "meeting/create/", deciding(views.create_meeting), name="create_meeting"),
    path(ONE + "meeting/retry/", deciding(views.retry_meeting), name="retry_meeting"),
    path(ONE + "meeting/forget/", deciding(views.forget_meeting), name="forget_meeting"),
    path(
        "settings/mails/reminders/",
        get_or_post(reminder_views.reminders, reminder_views.save_reminders),
        name="reminders",
    ),
]
