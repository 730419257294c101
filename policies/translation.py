from modeltranslation.translator import TranslationOptions, register

from policies.models import Policy


@register(Policy)
class PolicyTranslation(TranslationOptions):
    fields = ("title",)
