from modeltranslation.translator import TranslationOptions, register

from subjects.models import CalendarDay, DataCategory, DutyRule, SourceSystem


@register(DataCategory)
class DataCategoryTranslation(TranslationOptions):
    fields = ("title",)


@register(SourceSystem)
class SourceSystemTranslation(TranslationOptions):
    fields = ("title",)


@register(DutyRule)
class DutyRuleTranslation(TranslationOptions):
    fields = ("title",)


@register(CalendarDay)
class CalendarDayTranslation(TranslationOptions):
    fields = ("title",)
