// SPDX-License-Identifier: MIT
#include "filter_window.h"

#include "filter_picture.h"
#include "gtk_names.h"

struct filter_window {
    filter_task *task;
    GtkWidget *dialog, *picture, *bar, *text;
};

enum { PICTURE_SIDE = 384 };

static void on_response(GtkDialog *dialog, gint response, gpointer data)
{
    filter_window *window = data;
    bool keep = response == GTK_RESPONSE_OK;
    // The engine looks at its next iteration; until then nothing can be pressed twice.
    gtk_dialog_set_response_sensitive(dialog, GTK_RESPONSE_OK, FALSE);
    gtk_dialog_set_response_sensitive(dialog, GTK_RESPONSE_CANCEL, FALSE);
    gtk_label_set_text(GTK_LABEL(window->text), keep ? _("Stopping") : _("Cancelling"));
    filter_task_decide(window->task, keep ? VKSTYLE_STOP : VKSTYLE_CANCEL);
}

// Closing the window is Cancel; the window itself goes when the engine has stopped.
static gboolean on_delete(GtkWidget *widget, GdkEvent *event, gpointer data)
{
    (void)event;
    on_response(GTK_DIALOG(widget), GTK_RESPONSE_CANCEL, data);
    return TRUE;
}

filter_window *filter_window_open(filter_task *task)
{
    filter_window *window = g_new0(filter_window, 1);
    window->task = task;
    window->dialog = gtk_dialog_new();
    gtk_window_set_title(GTK_WINDOW(window->dialog), _("Painting"));
    gtk_window_set_role(GTK_WINDOW(window->dialog), "vkstyle-work");
    gtk_dialog_add_button(GTK_DIALOG(window->dialog), _("_Cancel"), GTK_RESPONSE_CANCEL);
    GtkWidget *stop =
        gtk_dialog_add_button(GTK_DIALOG(window->dialog), _("_Stop and Keep"), GTK_RESPONSE_OK);
    gtk_widget_set_tooltip_text(stop, _("End now and keep the picture as it is"));
    // There is nothing to keep before the first picture.
    gtk_dialog_set_response_sensitive(GTK_DIALOG(window->dialog), GTK_RESPONSE_OK, FALSE);
    GtkWidget *column = ui_column(12);
    gtk_container_set_border_width(GTK_CONTAINER(column), 12);
    window->picture = gtk_image_new();
    filter_picture_set(window->picture, task->content, PICTURE_SIDE);
    gtk_widget_set_size_request(window->picture, PICTURE_SIDE, -1);
    window->bar = gtk_progress_bar_new();
    window->text = gtk_label_new(_("Preparing"));
    ui_align_left(window->text);
    gtk_box_pack_start(GTK_BOX(column), window->picture, TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(column), window->bar, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(column), window->text, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(window->dialog))), column,
                       TRUE, TRUE, 0);
    g_signal_connect(window->dialog, "response", G_CALLBACK(on_response), window);
    g_signal_connect(window->dialog, "delete-event", G_CALLBACK(on_delete), window);
    gtk_widget_show_all(window->dialog);
    return window;
}

void filter_window_show(filter_window *window, const char *text, const filter_progress *progress)
{
    if (progress->iterations > 0)
        gtk_progress_bar_set_fraction(
            GTK_PROGRESS_BAR(window->bar),
            CLAMP((double)progress->iteration / progress->iterations, 0, 1));
    // Once stopping, it stays at that.
    if (gtk_widget_get_sensitive(
            gtk_dialog_get_widget_for_response(GTK_DIALOG(window->dialog), GTK_RESPONSE_CANCEL)))
        gtk_label_set_text(GTK_LABEL(window->text), text);
    if (progress->iteration > 0 && gtk_widget_get_sensitive(gtk_dialog_get_widget_for_response(
                                       GTK_DIALOG(window->dialog), GTK_RESPONSE_CANCEL)))
        gtk_dialog_set_response_sensitive(GTK_DIALOG(window->dialog), GTK_RESPONSE_OK, TRUE);
    if (progress->picture)
        filter_picture_set(window->picture, progress->picture, PICTURE_SIDE);
}

void filter_window_close(filter_window **window)
{
    if (!*window)
        return;
    gtk_widget_destroy((*window)->dialog);
    g_free(*window);
    *window = NULL;
}
